// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Which of the unanswered commands can have reached the server.
///
/// Commands are staged in a buffer, the buffer is handed to the channel as one batch, and the channel says when a
/// batch is with the kernel. When the connection ends, staged commands and those of all batches behind the first
/// unwritten one were certainly never sent; of the first unwritten batch a part may have gone out.
struct WriteLedger {
    private struct Batch {
        var commands: Int
        var bytes: Int
    }

    private var batches = CircularBuffer<Batch>()
    private var stagedCommands = 0
    /// Bytes handed to the channel that are not with the kernel yet.
    private(set) var unwrittenBytes = 0

    mutating func staged() {
        stagedCommands += 1
    }

    /// The staged commands go to the channel as one write of `bytes`.
    mutating func handedOver(bytes: Int) {
        batches.append(Batch(commands: stagedCommands, bytes: bytes))
        stagedCommands = 0
        unwrittenBytes += bytes
    }

    /// The oldest batch is with the kernel.
    mutating func written() {
        guard let batch = batches.popFirst() else { return }
        unwrittenBytes -= batch.bytes
    }

    /// How many of the commands made last were certainly not sent.
    var neverSent: Int {
        batches.dropFirst().reduce(stagedCommands) { $0 + $1.commands }
    }
}
