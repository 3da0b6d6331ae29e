-- The TLS macros come at the second HELO and hold for all messages behind it.
conn = connect(STRANGER)
must(mt.helo(conn, "client.test"))
tls(conn, SMFIC_HELO)
must(mt.helo(conn, "client.test"))
message(conn)
value = "tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 " ..
    "client-cert=unverified-or-none"
adds(conn, INBOUND, value)
message(conn, "<>")
adds(conn, INBOUND, value)
mt.disconnect(conn)
