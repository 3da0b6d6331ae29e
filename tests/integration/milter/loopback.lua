-- Loopback and our own networks: headers of ours stay, and none is added.
for _, ip in ipairs({ LOOPBACK, "127.9.9.9", "::1", "::ffff:127.0.0.1", "198.51.100.7",
    "2001:db8:1::9" }) do
	conn = connect(ip)
	must(mt.helo(conn, "client.test"))
	message(conn, nil, { { INBOUND, "tls=mine" }, { NEXT_HOP, "mine" } })
	adds_no(conn, INBOUND)
	removes_none(conn)
	mt.disconnect(conn)
end
