-- Only the steps that are needed, only the actions that are used.
conn = connect(STRANGER)
must(mt.helo(conn, "client.test"))
for name, step in pairs({ body = SMFIP_NOBODY, eoh = SMFIP_NOEOH, data = SMFIP_NODATA,
    unknown = SMFIP_NOUNKNOWN }) do
	if not mt.test_option(conn, step) then error("asks for " .. name) end
end
for name, step in pairs({ connect = SMFIP_NOCONNECT, helo = SMFIP_NOHELO,
    mail = SMFIP_NOMAIL, rcpt = SMFIP_NORCPT, headers = SMFIP_NOHDRS }) do
	if mt.test_option(conn, step) then error("does not ask for " .. name) end
end
for name, action in pairs({ body = SMFIF_CHGBODY, addrcpt = SMFIF_ADDRCPT,
    delrcpt = SMFIF_DELRCPT, sender = SMFIF_CHGFROM }) do
	if mt.test_action(conn, action) then error("asks for " .. name) end
end
for name, action in pairs({ add = SMFIF_ADDHDRS, change = SMFIF_CHGHDRS,
    quarantine = SMFIF_QUARANTINE }) do
	if not mt.test_action(conn, action) then error("does not ask for " .. name) end
end
mt.disconnect(conn)
