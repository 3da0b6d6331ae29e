-- recipient_judge = milter: 4xx for those that cannot be delivered, and hold.
conn = connect(LOOPBACK)
must(mt.helo(conn, "client.test"))
must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@defer.example>", SMFIR_REPLYCODE)
if not mt.eom_check(conn, MT_SMTPREPLY, "450", "4.7.5", "no usable mail host for " ..
    "defer.example: mx.defer.example: host not in the domain's policy (MTA-STS " ..
    "enforce, policy id 20260101)") then
	error("another reply")
end
recipient(conn, "<user@good.example>")
recipient(conn, "<user@asked-defer.example>", SMFIR_REPLYCODE)
recipient(conn, "<user@unknown.example>")
recipient(conn, "<user@tag.example>")
finish(conn)
if mt.eom_check(conn, MT_QUARANTINE) then error("held") end

must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@hold.example>")
recipient(conn, "<user@good.example>")
finish(conn)
if not mt.eom_check(conn, MT_QUARANTINE) then error("not held") end
mt.disconnect(conn)

-- Nobody hears a 4xx in a session that cleanup(8) plays.
conn = connect(LOOPBACK, nil, true)
must(mt.helo(conn, "client.test"))
must(mt.mailfrom(conn, "<a@b.test>"))
recipient(conn, "<user@defer.example>")
recipient(conn, "<user@hold.example>")
recipient(conn, "<user@tag.example>")
finish(conn)
if mt.eom_check(conn, MT_QUARANTINE) then error("held") end
if mt.getheader(conn, NEXT_HOP, 0) == nil then error("no tag") end
mt.disconnect(conn)
