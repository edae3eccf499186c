// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// Made by openssl in a directory of their own: a CA (`ca`), certificates of it for localhost with and without 127.0.0.1 (`s`,
/// `d`, both with the key `s`), and another CA (`other`).
package final class Certificates: Sendable {
    package let path: String

    package static var canBeMade: Bool { FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl") }

    package init() throws {
        path = try TemporaryFolder.make("certificates")
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for name in ["ca", "other"] {
            try openssl(
                ["req", "-x509", "-days", "2", "-keyout", "\(name).key", "-out", "\(name).crt", "-subj", "/CN=\(name)"]
                    + key)
        }
        try openssl(["req", "-keyout", "s.key", "-out", "s.csr", "-subj", "/CN=localhost"] + key)
        for (name, subjects) in [("s", "DNS:localhost,IP:127.0.0.1"), ("d", "DNS:localhost")] {
            try "subjectAltName=\(subjects)".write(toFile: path + "/ext", atomically: true, encoding: .utf8)
            try openssl([
                "x509", "-req", "-in", "s.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-out", "\(name).crt", "-extfile", "ext",
            ])
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private func openssl(_ arguments: [String]) throws {
        let (code, output) = try RunningProcess.run("/usr/bin/openssl", arguments, directory: path)
        guard code == 0 else {
            throw RunningProcess.CouldNotStart(
                description: "openssl \(arguments[0]): is the Debian package openssl installed?\n\(output)")
        }
    }
}
