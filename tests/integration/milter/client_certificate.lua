-- Postfix gives subject and issuer only of a certificate that it verified.
conn = connect(STRANGER)
tls(conn, SMFIC_HELO, "client.test")
must(mt.helo(conn, "client.test"))
message(conn)
adds(conn, INBOUND, "tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 " ..
    "client-cert=verified")
mt.disconnect(conn)
