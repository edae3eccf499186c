// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting

/// Makes tokens with OpenSSL's command, which shares nothing with what verifies them.
final class TokenMaker: Sendable {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tokens-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A key pair: `NAME.key` and `NAME.pem` in the folder.
    func makeRSA(_ name: String) throws {
        try openssl(["genrsa", "-out", file("\(name).key"), "2048"])
        try openssl(["rsa", "-in", file("\(name).key"), "-pubout", "-out", file("\(name).pem")])
    }

    /// The public key as a JWK.
    func jwk(_ name: String) throws -> String {
        let text = try openssl(["rsa", "-in", file("\(name).pem"), "-pubin", "-noout", "-modulus"])
        let digits = Array((text.split(separator: "=").last ?? "").utf8.prefix { $0 != 10 })
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count - 1, by: 2) {
            bytes.append(UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) ?? 0)
        }
        return
            "{\"kty\":\"RSA\",\"kid\":\"\(name)\",\"use\":\"sig\",\"e\":\"AQAB\",\"n\":\"\(Self.encode(Data(bytes)))\"}"
    }

    /// RS256 with the key of this name.
    func rsa(_ name: String, kid: Bool = true, seconds: Int = 600, claims: String = "") throws -> String {
        let header = kid ? "{\"alg\":\"RS256\",\"kid\":\"\(name)\"}" : "{\"alg\":\"RS256\"}"
        return try sign(header, seconds, claims, ["-sign", file("\(name).key")])
    }

    /// HS256 with this secret.
    func hmac(_ secret: String, seconds: Int = 600, claims: String = "") throws -> String {
        try sign("{\"alg\":\"HS256\"}", seconds, claims, ["-hmac", secret])
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)), options: .atomic)
    }

    func file(_ name: String) -> String { folder + "/" + name }

    /// - Parameter claims: more members, each with a comma in front.
    private func sign(_ header: String, _ seconds: Int, _ claims: String, _ how: [String]) throws -> String {
        let end = Int(Date().timeIntervalSince1970) + seconds
        let payload = "{\"sub\":\"ada\",\"exp\":\(end)\(claims)}"
        let signed = Self.encode(Data(header.utf8)) + "." + Self.encode(Data(payload.utf8))
        let (input, output) = (file("input-\(UUID().uuidString)"), file("output-\(UUID().uuidString)"))
        try Data(signed.utf8).write(to: URL(fileURLWithPath: input))
        try openssl(["dgst", "-sha256"] + how + ["-binary", "-out", output, input])
        return signed + "." + Self.encode(try Data(contentsOf: URL(fileURLWithPath: output)))
    }

    @discardableResult
    private func openssl(_ arguments: [String]) throws -> String {
        let made = try RunningProcess.run("/usr/bin/openssl", arguments)
        guard made.code == 0 else { throw TestClientError.unexpected(made.output) }
        return made.output
    }

    private static func encode(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
