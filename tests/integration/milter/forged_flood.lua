-- More of our headers than anybody has by accident.
conn = connect(STRANGER)
must(mt.helo(conn, "client.test"))
must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@elsewhere.example>")
for _ = 1, 1001 do must(mt.header(conn, INBOUND, "x")) end
must(mt.eom(conn))
if not mt.eom_check(conn, MT_SMTPREPLY, "451", "4.7.1") then error("no 451 4.7.1") end
message(conn)
mt.disconnect(conn)
