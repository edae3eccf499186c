// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOCore

/// Whole files, read with blocking calls: for the start of the server only.
enum FileBytes {
    /// Reads a file of a directory, unless it is a symbolic link to outside of it. Links within the directory are
    /// followed, because Kubernetes volumes consist of them.
    ///
    /// - Throws: ``OutsideDirectory``.
    static func read(_ name: String, in directory: String) throws(OutsideDirectory) -> ByteBuffer? {
        guard let root = resolved(directory), let path = resolved("\(directory)/\(name)") else { return nil }
        let prefix = root == "/" ? root : root + "/"
        guard path.utf8.starts(with: prefix.utf8) else { throw OutsideDirectory(path: path) }
        return read(path)
    }

    /// The path leads out of the directory.
    struct OutsideDirectory: Error {
        let path: String
    }

    /// The path with symbolic links resolved; nil when the file does not exist.
    private static func resolved(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// The contents; nil when the file is missing, not a regular file, unreadable or over `limit` bytes.
    static func read(_ path: String, limit: Int = 16 * 1024 * 1024) -> ByteBuffer? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
            return nil
        }
        var contents = ByteBuffer()
        while contents.readableBytes <= limit {
            var failed = false
            let count = contents.writeWithUnsafeMutableBytes(minimumWritableBytes: 64 * 1024) { destination in
                guard let base = destination.baseAddress else { return 0 }
                let count = Glibc.read(descriptor, base, destination.count)
                failed = count < 0
                return max(0, count)
            }
            if failed { return nil }
            if count == 0 { return contents }
        }
        return nil
    }
}
