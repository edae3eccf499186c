// Part of socketio-server, MIT licence; see LICENSE.

internal import JWTKit

extension TokenKeys {
    /// Public keys or certificates in PEM; several may follow each other, as while one takes the place of another.
    ///
    /// - Parameter algorithms: What is allowed. A key serves those it fits: RSA those that begin with RS and PS, a curve
    ///   its own.
    /// - Throws: ``TokenKeyError`` when there is no key, one cannot be used, or fits nothing that is allowed.
    public static func pem(_ text: String, algorithms: [TokenAlgorithm]) async throws -> TokenKeys {
        let blocks = blocks(of: text)
        guard !blocks.isEmpty else { throw TokenKeyError("there is no PEM in it") }
        var keys = TokenKeys.none
        for (number, block) in blocks.enumerated() {
            guard !block.label.contains("PRIVATE KEY") else {
                throw TokenKeyError("there is a private key in it; the server needs the public one only")
            }
            let place = blocks.count == 1 ? "the key" : "key \(number + 1)"
            let entries = try await entries(of: block, algorithms: algorithms)
            guard let entries else {
                throw TokenKeyError(
                    "\(place) is no public key of RSA (2048 bits or more), P-256, P-384, P-521 or Ed25519")
            }
            guard !entries.isEmpty else { throw TokenKeyError("\(place) fits none of the allowed algorithms") }
            keys = keys + TokenKeys(entries: entries, count: 1)
        }
        return keys
    }

    private struct Block {
        let label: String
        let text: String
    }

    private static func blocks(of text: String) -> [Block] {
        var blocks: [Block] = []
        var current: (label: String, lines: [Substring])?
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----") {
                current = (String(line.dropFirst(11).dropLast(5)), [])
            }
            current?.lines.append(line)
            if let done = current, line == "-----END \(done.label)-----" {
                blocks.append(Block(label: done.label, text: done.lines.joined(separator: "\n") + "\n"))
                current = nil
            }
        }
        return blocks
    }

    /// Nil when it is no key at all.
    private static func entries(of block: Block, algorithms: [TokenAlgorithm]) async throws -> [Entry]? {
        let isCertificate = block.label == "CERTIFICATE"
        let pem = block.text
        if let key = try? isCertificate ? Insecure.RSA.PublicKey(certificatePEM: pem) : Insecure.RSA.PublicKey(pem: pem)
        {
            return try await entries(of: key, algorithms: algorithms)
        }
        if let key = try? isCertificate ? ES256PublicKey(certificate: pem) : ES256PublicKey(pem: pem) {
            return try await entry(.es256, algorithms) { await $0.add(ecdsa: key) }
        }
        if let key = try? isCertificate ? ES384PublicKey(certificate: pem) : ES384PublicKey(pem: pem) {
            return try await entry(.es384, algorithms) { await $0.add(ecdsa: key) }
        }
        if let key = try? isCertificate ? ES512PublicKey(certificate: pem) : ES512PublicKey(pem: pem) {
            return try await entry(.es512, algorithms) { await $0.add(ecdsa: key) }
        }
        if !isCertificate, let key = try? EdDSA.PublicKey(pem: pem) {
            return try await entry(.edDSA, algorithms) { await $0.add(eddsa: key) }
        }
        return nil
    }

    private static func entries(
        of key: Insecure.RSA.PublicKey, algorithms: [TokenAlgorithm]
    ) async throws -> [Entry] {
        var entries: [Entry] = []
        for algorithm in TokenAlgorithm.rsa {
            guard let digest = algorithm.digest else { continue }
            let isPSS = algorithm.rawValue.hasPrefix("PS")
            entries += try await entry(algorithm, algorithms) { collection in
                if isPSS {
                    await collection.add(pss: key, digestAlgorithm: digest)
                } else {
                    await collection.add(rsa: key, digestAlgorithm: digest)
                }
            }
        }
        return entries
    }

    private static func entry(
        _ algorithm: TokenAlgorithm, _ allowed: [TokenAlgorithm], add: (JWTKeyCollection) async -> Void
    ) async throws -> [Entry] {
        guard allowed.contains(algorithm) else { return [] }
        // One collection for each key: it would fall back to another key when it does not find the right one.
        let collection = JWTKeyCollection()
        await add(collection)
        return [Entry(id: nil, algorithm: algorithm, verifier: try await collection.getKey())]
    }
}
