// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// Puts messages together for whoever has it.
final class SharedAssembler {
    // A value of another module that calls nothing back, needed for every read: overlapping access is not checked for.
    @exclusivity(unchecked)
    var assembler: MessageAssembler

    init(_ assembler: MessageAssembler) { self.assembler = assembler }
}

/// The assembler that all WebSockets of an event loop use by turns, since most reads bring whole messages: an idle
/// connection has none. Who is in the middle of a message keeps it, and the others get a new one.
///
/// Confined to its event loop, which is why it may be `@unchecked Sendable`.
final class SpareAssembler: @unchecked Sendable {
    private let inflater: FrameInflater?
    private var spare: SharedAssembler?

    /// - Parameter inflater: of the loop; nil when compression is turned off.
    init(inflater: FrameInflater?) { self.inflater = inflater }

    func take(limits: WebSocketLimits, isCompressionAgreed: Bool) -> SharedAssembler {
        let taken = spare ?? SharedAssembler(MessageAssembler(limits: limits, decompressor: inflater))
        spare = nil
        taken.assembler.serve(limits: limits, isCompressionAgreed: isCompressionAgreed)
        return taken
    }

    /// For the next one. Nothing of a message is in it.
    func put(_ assembler: SharedAssembler) { spare = assembler }
}
