-- Headers of ours from outside, in several spellings.
conn = connect(STRANGER)
must(mt.helo(conn, "client.test"))
message(conn, nil, {
    { "x-hopseal-inbound", "tls=forged" }, { "X-HOPSEAL-INBOUND", "" },
    { "Subject", "X-Hopseal-Inbound: no header" }, { "X-Hopseal-Inbound2", "not ours" },
    { "X-hopseal-Next-Hop", "policy=forged" }, { INBOUND, "tls=forged" } })
removes(conn, INBOUND)
removes(conn, NEXT_HOP)
for _, name in ipairs({ "Subject", "X-Hopseal-Inbound2" }) do
	if mt.eom_check(conn, MT_HDRDELETE, name) then error(name .. " is removed") end
end
adds(conn, INBOUND, "tls=none")
-- What one message brought is not removed from the next.
message(conn)
removes_none(conn)
adds(conn, INBOUND, "tls=none")
-- Nor what a message brought that was broken off.
must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@elsewhere.example>")
must(mt.header(conn, INBOUND, "tls=forged"))
must(mt.abort(conn))
message(conn)
removes_none(conn)
mt.disconnect(conn)
