// Part of socketio-server, MIT licence; see LICENSE.

package import NIOSSL

/// TLS towards Redis. Everything is verified unless said otherwise.
public struct RedisTLS: Sendable, Hashable {
    /// What is verified of the server's certificate.
    public enum Verification: String, Sendable, Codable, Hashable, CaseIterable {
        /// That a known CA signed it and that it is for the host name or address. The default.
        case full
        /// Only that a known CA signed it.
        case ca
        /// Nothing: anybody in between can read and change everything. For experiments only.
        case none
    }

    /// PEM file with the CA certificates to trust; nil means those of the system.
    public var caFile: String?
    /// PEM file with the client certificate and its chain; nil means none.
    public var certificateFile: String?
    /// PEM file with the key of the client certificate.
    public var keyFile: String?
    /// The name the certificate must be for; nil means the host of the URL.
    public var serverName: String?
    /// What is verified.
    public var verification: Verification = .full

    /// TLS with the CAs of the system and full verification.
    public init() {}

    var problems: [String] {
        (certificateFile == nil) == (keyFile == nil)
            ? [] : ["TLS: a client certificate needs both certFile and keyFile"]
    }

    /// Reads the files.
    ///
    /// - Throws: ``RedisError`` with code `tls` that names the file.
    package func makeContext() throws(RedisError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        switch verification {
        case .full: configuration.certificateVerification = .fullVerification
        case .ca: configuration.certificateVerification = .noHostnameVerification
        case .none: configuration.certificateVerification = .none
        }
        if let caFile {
            let certificates = try Self.read("caFile", caFile) { try NIOSSLCertificate.fromPEMFile(caFile) }
            guard !certificates.isEmpty else { throw RedisError(.tls, "caFile \(caFile) holds no certificate") }
            configuration.trustRoots = .certificates(certificates)
        }
        if let certificateFile, let keyFile {
            let chain = try Self.read("certFile", certificateFile) {
                try NIOSSLCertificate.fromPEMFile(certificateFile)
            }
            guard !chain.isEmpty else { throw RedisError(.tls, "certFile \(certificateFile) holds no certificate") }
            configuration.certificateChain = chain.map { .certificate($0) }
            let key = try Self.read("keyFile", keyFile) { try NIOSSLPrivateKey(file: keyFile, format: .pem) }
            configuration.privateKey = .privateKey(key)
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw RedisError(.tls, "the TLS settings were refused", cause: error)
        }
    }

    private static func read<T>(_ name: String, _ path: String, _ body: () throws -> T) throws(RedisError) -> T {
        do {
            return try body()
        } catch {
            throw RedisError(.tls, "\(name) \(path) cannot be read", cause: error)
        }
    }
}
