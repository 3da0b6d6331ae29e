-- What the scenarios share: a connection as Postfix's smtpd makes it, and what must
-- come of a message.  The variable "socket" comes from the command line.

INBOUND, NEXT_HOP = "X-Hopseal-Inbound", "X-Hopseal-Next-Hop"
STRANGER, LOOPBACK = "192.0.2.1", "127.0.0.1"

-- simulated: as cleanup(8) does for sendmail(1), without a count of clients
function connect(ip, port, simulated)
	local conn = assert(mt.connect(socket, 20, 0.2))
	if not simulated then
		mt.macro(conn, SMFIC_CONNECT, "{client_connections}", "1",
		    "{daemon_port}", port or "25")
	end
	must(mt.conninfo(conn, "client.test", ip))
	return conn
end

function must(trouble)
	if trouble ~= nil then error(trouble, 2) end
end

function tls(conn, stage, subject)
	if subject then
		mt.macro(conn, stage, "{tls_version}", "TLSv1.3", "{cipher}",
		    "TLS_AES_256_GCM_SHA384", "{cipher_bits}", "256",
		    "{cert_subject}", subject, "{cert_issuer}", "Some CA")
	else
		mt.macro(conn, stage, "{tls_version}", "TLSv1.3", "{cipher}",
		    "TLS_AES_256_GCM_SHA384", "{cipher_bits}", "256")
	end
end

-- Sends RCPT; the reply must be wanted.
function recipient(conn, address, wanted)
	must(mt.rcptto(conn, address))
	local got = mt.getreply(conn)
	if got ~= (wanted or SMFIR_CONTINUE) then
		error(address .. ": reply " .. string.char(got), 2)
	end
end

function message(conn, sender, headers)
	must(mt.mailfrom(conn, sender or "<a@b.test>"))
	recipient(conn, "<user@elsewhere.example>")
	finish(conn, headers)
end

-- headers: pairs of name and value; then the end of the message, which is accepted
function finish(conn, headers)
	for _, header in ipairs(headers or { { "Subject", "test" } }) do
		must(mt.header(conn, header[1], header[2]))
	end
	must(mt.eom(conn))
	local got = mt.getreply(conn)
	if got ~= SMFIR_CONTINUE and got ~= SMFIR_ACCEPT then
		error("end of message: reply " .. string.char(got), 2)
	end
end

function adds(conn, name, value)
	if not mt.eom_check(conn, MT_HDRINSERT, name, value) then
		error("no header " .. name .. ": " .. value, 2)
	end
end

function adds_no(conn, name)
	if mt.eom_check(conn, MT_HDRINSERT, name) then
		error("there is a header " .. name, 2)
	end
end

function removes(conn, name)
	if not mt.eom_check(conn, MT_HDRDELETE, name) then
		error(name .. " is not removed", 2)
	end
end

function removes_none(conn)
	if mt.eom_check(conn, MT_HDRDELETE) then
		error("a header is removed", 2)
	end
end
