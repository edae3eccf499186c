// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// Files travel in pieces, so that a large one does not stall the connection, and can be gone on with after an
/// interruption: the sender learns how much is there, the receiver asks for what is missing.
extension Chat {
    /// Largest piece, in bytes.
    static let maximumPiece = 65_536

    func listenForFiles(_ visitor: Visitor) {
        on(visitor, "upload") { (file: ChatFile) async throws -> Int in
            let limit = limits.maxFileBytes
            guard ChatID.isValid(file.id), (1...limit).contains(file.size) else {
                throw EventError.refusal(
                    .fileSize, "A file has 1 to \(limit) bytes.", ["limit": .int(Int64(limit))])
            }
            try limitWriting(visitor)
            var file = file
            file.id = Self.fileID(file.id, of: visitor)
            file.name = Self.fileName(file.name)
            file.type = Self.mediaType(file.type)
            return try await store.begin(file, owner: visitor.person.id, now: Self.now)
        }
        on(visitor, "piece") { (file: String, offset: Int, piece: SocketData) async throws -> Int in
            guard ChatID.isValid(file), offset >= 0, (1...Self.maximumPiece).contains(piece.count) else {
                throw EventError.refusal(.filePiece, "A piece of a file has 1 to \(Self.maximumPiece) bytes.")
            }
            try limitReading(visitor)
            if let wait = rates.upload(visitor, bytes: piece.count, limits) { throw Self.slowDown(wait) }
            return try await store.append(
                piece.bytes, at: offset, to: Self.fileID(file, of: visitor), owner: visitor.person.id)
        }
        on(visitor, "download") { (key: String, file: String, offset: Int) async throws -> SocketData in
            try limitReading(visitor)
            _ = try await access(visitor, key)
            guard ChatID.isValid(file), offset >= 0, offset <= 1 << 40,
                let bytes = try await store.read(file, in: key, at: offset, count: Self.maximumPiece)
            else { throw EventError.refusal(.noFile, "The file is not there any more.") }
            return SocketData(bytes)
        }
    }

    /// The id under which a file is kept, made of the one that a person's page has chosen: others, who see it in a message, cannot put
    /// another file in its place when it has been removed.
    static func fileID(_ id: String, of visitor: Visitor) -> String { ChatID.of("file:\(visitor.person.id) \(id)") }

    /// The last part of a path, visible and not too long.
    private static func fileName(_ name: String) -> String {
        guard name.utf8.count <= 4_096 else { return "file" }
        let last = name.utf8.split { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }.last
        return last.flatMap { ChatText.line(String(Substring($0)), characters: 100, bytes: 400) } ?? "file"
    }

    /// `image/png` and the like; anything else is bytes.
    private static func mediaType(_ type: String) -> String {
        let bytes = type.utf8
        let isPlain =
            bytes.count <= 100
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"),
                    UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        return isPlain && bytes.contains(UInt8(ascii: "/")) ? type : "application/octet-stream"
    }
}
