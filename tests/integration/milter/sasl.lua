-- Who authenticates is one of ours: nothing is added, nothing removed.
conn = connect(STRANGER)
must(mt.helo(conn, "client.test"))
mt.macro(conn, SMFIC_MAIL, "{auth_type}", "PLAIN", "{auth_authen}", "joe")
message(conn, nil, { { INBOUND, "tls=mine" } })
adds_no(conn, INBOUND)
removes_none(conn)
-- Who logs out again is not: the macros are those of the message.
mt.macro(conn, SMFIC_MAIL, "{mail_addr}", "a@b.test")
message(conn, nil, { { INBOUND, "tls=mine" } })
adds(conn, INBOUND, "tls=none")
removes(conn, INBOUND)
mt.disconnect(conn)
