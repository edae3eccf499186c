// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import ProcessTesting

/// A CA and a certificate of it for localhost and 127.0.0.1, made by openssl in a directory of their own.
final class Certificates {
    let path: String

    static var canBeMade: Bool { FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl") }

    init() throws {
        path = "/tmp/sio-certificates-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try openssl(
            ["req", "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca"] + key)
        try openssl(["req", "-keyout", "s.key", "-out", "s.csr", "-subj", "/CN=localhost"] + key)
        try "subjectAltName=DNS:localhost,IP:127.0.0.1".write(
            toFile: path + "/ext", atomically: true, encoding: .utf8)
        try openssl([
            "x509", "-req", "-in", "s.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-out", "s.crt", "-extfile", "ext",
        ])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private func openssl(_ arguments: [String]) throws {
        let (code, output) = try RunningProcess.run("/usr/bin/openssl", arguments, directory: path)
        guard code == 0 else { throw TestFailure("openssl \(arguments[0]): \(output)") }
    }
}
