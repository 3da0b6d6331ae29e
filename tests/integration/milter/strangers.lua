-- Neighbours of our networks, and a client whose address nobody knows.
for _, ip in ipairs({ "126.0.0.1", "198.51.100.8", "2001:db8:2::9", "::2", "unspec" }) do
	conn = connect(ip)
	must(mt.helo(conn, "client.test"))
	message(conn, nil, { { INBOUND, "tls=forged" } })
	adds(conn, INBOUND, "tls=none")
	removes(conn, INBOUND)
	mt.disconnect(conn)
end
