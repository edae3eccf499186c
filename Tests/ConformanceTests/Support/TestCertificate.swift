// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOSSL
import SocketIOTesting

/// A self-signed certificate for localhost, made for these tests and used nowhere else.
enum TestCertificate {
    static func server() throws -> TLSConfiguration {
        .makeServerConfiguration(
            certificateChain: [.certificate(try certificate())],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem)))
    }

    /// The same address over TLS, trusting this certificate only.
    static func client(_ address: ServerAddress) throws -> ServerAddress {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates([try certificate()])
        let context = try NIOSSLContext(configuration: configuration)
        var address = address
        address.prepare = { channel in
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: context, serverHostname: "localhost"))
        }
        return address
    }

    private static func certificate() throws -> NIOSSLCertificate {
        try NIOSSLCertificate(bytes: Array(certificatePEM.utf8), format: .pem)
    }

    private static let keyPEM = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQ5ETyC5zBxnCsHxf
        sStCxWEQ9aoLypogFJH5VIWADVmhRANCAARhvNiEnjOi7navxa2d3eXknQZN9g0W
        efWqZBj+LLCsGLfK0XIhIAa8g5Ev+Tg/YMhI/sIFaRmU77+XzKrhIggJ
        -----END PRIVATE KEY-----
        """

    private static let certificatePEM = """
        -----BEGIN CERTIFICATE-----
        MIIBmzCCAUGgAwIBAgIUL2Rt5YtAsmmc2w3KCBipoqDsvvYwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA5NDQ0OVoYDzIxMjYxMDI4
        MDk0NDQ5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAARhvNiEnjOi7navxa2d3eXknQZN9g0WefWqZBj+LLCsGLfK0XIhIAa8
        g5Ev+Tg/YMhI/sIFaRmU77+XzKrhIggJo28wbTAdBgNVHQ4EFgQUtAIvVlG7cxlb
        pvgZrQjUSQPK1i0wHwYDVR0jBBgwFoAUtAIvVlG7cxlbpvgZrQjUSQPK1i0wDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDSAAwRQIgB0QmUbH9VhPQQhyHstEhoyVzyIxFcCrcwPM2LEvs2toCIQD6
        G0SiCmSJ9Tcphck5weVx907v5WtSsd0VYvg0zkEjVA==
        -----END CERTIFICATE-----
        """
}
