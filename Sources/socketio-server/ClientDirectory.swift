// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// Finds the files of the browser client.
enum ClientDirectory {
    /// The directory to serve the files from.
    ///
    /// The default `.cache/client` is looked for in the working directory first, and then where the executable was built or
    /// installed, so that a server finds its files whatever directory it was started in. Any other value is taken as it
    /// is.
    ///
    /// - Parameters:
    ///   - directory: The setting `client.directory`.
    ///   - executable: The path of this program, links resolved; nil when it cannot be found out.
    static func find(_ directory: String, executable: String? = executable) -> String {
        guard directory == Settings().client.directory, !hasFiles(directory), let executable else { return directory }
        return candidates(for: executable).first(where: hasFiles) ?? directory
    }

    /// Where the files are beside a program: in the clone in which it was built, in the folder of an unpacked archive, below the
    /// prefix of an installation.
    static func candidates(for executable: String) -> [String] {
        let folder = (executable as NSString).deletingLastPathComponent
        let prefix = (folder as NSString).deletingLastPathComponent
        var candidates = [
            folder + "/client", prefix + "/share/socketio-server/client", prefix + "/share/socketio/client",
        ]
        if let build = executable.range(of: "/.build/", options: .backwards) {
            candidates.insert(executable[..<build.lowerBound] + "/" + Settings().client.directory, at: 0)
        }
        return candidates
    }

    private static func hasFiles(_ directory: String) -> Bool {
        FileManager.default.isReadableFile(atPath: directory + "/socket.io.min.js")
    }

    private static var executable: String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }
}
