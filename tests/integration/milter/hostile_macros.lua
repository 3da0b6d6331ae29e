-- Nothing but the letters of names reaches a header.
conn = connect(STRANGER)
mt.macro(conn, SMFIC_HELO, "{tls_version}", "TLSv1.3\r\nX: y", "{cipher}",
    "a b\tc" .. string.rep("x", 200), "{cipher_bits}", "256%n")
must(mt.helo(conn, "client.test"))
message(conn)
value = mt.getheader(conn, INBOUND, 0)
if not mt.eom_check(conn, MT_HDRINSERT, INBOUND, "tls=TLSv1.3??X??y cipher=a?b?c" ..
    string.rep("x", 58) .. " bits=256?n client-cert=unverified-or-none") then
	error("another value")
end
mt.disconnect(conn)
