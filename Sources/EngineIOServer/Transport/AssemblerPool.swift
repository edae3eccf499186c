// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// Assembles messages for the connection that holds it.
final class SharedAssembler {
    var assembler: MessageAssembler

    init(_ assembler: MessageAssembler) { self.assembler = assembler }
}

/// What all WebSockets of an event loop put messages together with: an idle connection has nothing of its own. Whole messages
/// are read with the loop's reader; for others there is an assembler by turns, which who is in the middle of a message keeps,
/// and the others get a new one.
///
/// Confined to its event loop.
final class AssemblerPool {
    private let inflater: FrameInflater?
    private var spare: SharedAssembler?
    // A value of another module that calls nothing back, needed for every read: overlapping access is not checked for.
    @exclusivity(unchecked)
    private var reader = WholeMessageReader()

    /// - Parameter inflater: of the loop; nil when compression is turned off.
    init(inflater: FrameInflater?) { self.inflater = inflater }

    /// The message whose frame begins at `offset`, see ``WholeMessageReader/next(in:at:limit:)``.
    func wholeMessage(in bytes: ByteBuffer, at offset: inout Int, limit: Int) -> WholeMessage? {
        reader.next(in: bytes, at: &offset, limit: limit)
    }

    func take(limits: WebSocketLimits, isCompressionAgreed: Bool) -> SharedAssembler {
        let taken = spare ?? SharedAssembler(MessageAssembler(limits: limits, decompressor: inflater))
        spare = nil
        taken.assembler.reset(limits: limits, isCompressionAgreed: isCompressionAgreed)
        return taken
    }

    /// For the next one. Nothing of a message is in it.
    func put(_ assembler: SharedAssembler) { spare = assembler }
}
