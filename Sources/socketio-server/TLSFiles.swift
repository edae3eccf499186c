// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOSSL

/// The certificate and key that the settings name.
enum TLSFiles {
    /// TLS for the listener; nil when the settings name no certificate.
    ///
    /// - Throws: `SettingsError` when a file holds something else, the password is wrong, or key and certificate differ.
    static func configuration(_ loaded: LoadedSettings) throws -> TLSConfiguration? {
        let tls = loaded.settings.tls
        guard let certificateFile = tls.certificateFile, let keyFile = tls.keyFile else { return nil }
        var problems: [SettingProblem] = []
        func report(_ key: String, _ message: String) {
            problems.append(SettingProblem(source: loaded.sources[key] ?? .defaults, key: key, message: message))
        }

        let chain = try? NIOSSLCertificate.fromPEMFile(certificateFile)
        if chain?.isEmpty != false {
            report("tls.certificateFile", "no certificate in PEM in '\(certificateFile.escapingControlCharacters())'")
        }
        let key = try? NIOSSLPrivateKey(file: keyFile, format: .pem) { setPassword in
            setPassword((tls.keyPassword ?? "").utf8)
        }
        if key == nil {
            let reason = tls.keyPassword == nil ? ", or it needs tls.keyPassword" : ", or tls.keyPassword is wrong"
            report("tls.keyFile", "no private key in PEM in '\(keyFile.escapingControlCharacters())'\(reason)")
        }
        guard let chain, let key, problems.isEmpty else { throw SettingsError(problems: problems) }

        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        do {
            _ = try NIOSSLContext(configuration: configuration)
        } catch {
            report("tls.keyFile", "does not belong to the certificate in tls.certificateFile")
            throw SettingsError(problems: problems)
        }
        return configuration
    }
}
