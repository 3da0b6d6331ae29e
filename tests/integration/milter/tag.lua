-- Recipients behind a rule with action=tag, by facts from Redis and from policyd.
function value(policy, finding)
	return "^policy=" .. policy .. " verdict=undeliverable finding=" .. finding ..
	    " id=" .. string.rep("[0-9a-f]", 16) .. "$"
end

conn = connect(LOOPBACK)
must(mt.helo(conn, "client.test"))
must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@tag.example>")
recipient(conn, "<other@TAG.example.>")
recipient(conn, "<user@good.example>")
finish(conn)
if not mt.getheader(conn, NEXT_HOP, 0):match(value("sts", "mx%-not%-in%-policy")) then
	error(mt.getheader(conn, NEXT_HOP, 0))
end
if mt.getheader(conn, NEXT_HOP, 1) ~= nil then error("two for one finding") end
adds_no(conn, INBOUND)

-- Two findings; the second is known to policyd alone.
must(mt.mailfrom(conn, "<>"))
recipient(conn, "<user@tag.example>")
recipient(conn, "<user@asked-tag.example>")
finish(conn)
if mt.getheader(conn, NEXT_HOP, 1) == nil then error("one for two findings") end

-- No tag without such a recipient, and none where the rule has another action.
must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@defer.example>")
recipient(conn, "<user@own.example>")
recipient(conn, "<user@[192.0.2.1]>")
recipient(conn, "<postmaster>")
recipient(conn, "<\"a@tag.example\"@good.example>")
finish(conn)
adds_no(conn, NEXT_HOP)
mt.disconnect(conn)

-- Strangers are judged only where the rule says so, and by what is cached.
conn = connect(STRANGER)
must(mt.helo(conn, "client.test"))
must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@tag.example>")
recipient(conn, "<user@asked-all.example>")
finish(conn)
adds_no(conn, NEXT_HOP)
must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@all.example>")
finish(conn)
adds(conn, INBOUND, "tls=none")
if not mt.getheader(conn, NEXT_HOP, 0):match(value("sts", "mx%-not%-in%-policy")) and
    not mt.getheader(conn, NEXT_HOP, 1):match(value("sts", "mx%-not%-in%-policy")) then
	error("no tag")
end
mt.disconnect(conn)
