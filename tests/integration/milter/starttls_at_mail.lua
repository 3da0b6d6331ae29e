-- A client that says no HELO after STARTTLS: the macros come at MAIL.
conn = connect(STRANGER)
must(mt.helo(conn, "client.test"))
tls(conn, SMFIC_MAIL)
message(conn)
adds(conn, INBOUND, "tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 " ..
    "client-cert=unverified-or-none")
mt.disconnect(conn)
