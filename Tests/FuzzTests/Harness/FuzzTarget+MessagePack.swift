// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore

extension FuzzTarget {
    /// MessagePack: skipping, the way to JSON, and back.
    static let messagePack = FuzzTarget(name: "messagepack", maximumLength: 4096) { input in
        var limits = MessagePackLimits()
        limits.maximumDepth = 24
        limits.maximumAttachments = 8
        limits.maximumTextLength = 20_000
        var skipping = MessagePackReader(input.buffer)
        let skipped = try? skipping.skip()
        var reader = MessagePackReader(input.buffer)
        guard let arguments = try? MessagePackJSON.read(&reader, limits: limits) else { return }
        try require(skipped == 0..<reader.offset, "skipping ends at \(skipping.offset), reading at \(reader.offset)")
        try require(reader.offset <= input.bytes.count, "more was read than there is")
        try MessagePackCheck.check(arguments, limits: limits, size: input.bytes.count)
    }
}

enum MessagePackCheck {
    /// What holds for everything that came out of MessagePack.
    static func check(_ arguments: EncodedArguments, limits: MessagePackLimits, size: Int) throws {
        let count = arguments.attachments.count
        try require(count <= limits.maximumAttachments, "\(count) attachments")
        // The last text may be as long as the input, six bytes for each of its own.
        let length = arguments.json.readableBytes
        try require(length <= limits.maximumTextLength + 6 * size + 64, "\(length) bytes of JSON from \(size)")
        let value: SocketValue
        do {
            value = try RawJSON(arguments.json).value
        } catch {
            throw FuzzFinding("MessagePack has become what is no JSON: \(String(buffer: arguments.json))")
        }
        try require(Decoding.depth(value) <= limits.maximumDepth + 2, "\(Decoding.depth(value)) levels")
        guard !hasLookalikes(arguments) else { return }
        let again = try throughMessagePack(arguments, limits: limits)
        try require(
            again.json == arguments.json,
            "written and read again: \(String(buffer: again.json)) instead of \(String(buffer: arguments.json))")
        try require(again.attachments == arguments.attachments, "written and read again, the attachments differ")
    }

    /// Whether objects of the sender look like the placeholders of attachments. There is no telling them apart, in Node
    /// neither.
    static func hasLookalikes(_ arguments: EncodedArguments) -> Bool {
        String(buffer: arguments.json).split(separator: "_placeholder", omittingEmptySubsequences: false).count - 1
            != arguments.attachments.count
    }

    private static func throughMessagePack(
        _ arguments: EncodedArguments, limits: MessagePackLimits
    ) throws -> EncodedArguments {
        var writer = MessagePackWriter()
        try writer.write(json: arguments.json, attachments: arguments.attachments)
        var reader = MessagePackReader(writer.finish())
        let again = try MessagePackJSON.read(&reader, limits: limits)
        try reader.finish()
        return again
    }
}
