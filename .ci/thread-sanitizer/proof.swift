// Part of socketio-server, MIT licence; see LICENSE.
//
// What the thread sanitizer says about continuations and mutexes: `proof continuations ordered` and `proof mutex ordered` have
// no race, `proof continuations racing` and `proof mutex racing` have one.

import Foundation
import Synchronization

final class Box: @unchecked Sendable {
    var number = 0
    var numbers: [Int] = []
}

@main
struct Proof {
    static func main() async {
        let isRacing = CommandLine.arguments.contains("racing")
        if CommandLine.arguments.contains("mutex") { takeTurns(isRacing) } else { await handOver(isRacing) }
    }

    /// A thread makes an object, and resumes a continuation with it. Racing, it changes the object after that.
    static func handOver(_ isRacing: Bool) async {
        for round in 0..<200 {
            let work: @Sendable (@escaping @Sendable (Box) -> Void) -> Void = { resume in
                Thread.detachNewThread {
                    let box = Box()
                    box.number = round
                    box.numbers = [round]
                    resume(box)
                    if isRacing { box.number += 1 }
                }
            }
            let checked = await withCheckedContinuation { continuation in work { continuation.resume(returning: $0) } }
            checked.number += 1
            checked.numbers.append(1)
            let other = await withUnsafeContinuation { continuation in work { continuation.resume(returning: $0) } }
            other.number += 1
            other.numbers.append(1)
        }
    }

    /// Threads change an object while they hold one lock, and often have to wait for it. When racing, they also change it after
    /// they have released the lock.
    static func takeTurns(_ isRacing: Bool) {
        final class Shared: Sendable {
            let lock = Mutex(())
            let box = Box()
            let running = Atomic(4)
        }
        let shared = Shared()
        for _ in 0..<4 {
            Thread.detachNewThread {
                for _ in 0..<200 {
                    shared.lock.withLock { _ in
                        shared.box.number += 1
                        usleep(20)
                        shared.box.numbers.append(1)
                    }
                    if isRacing { shared.box.number += 1 }
                }
                shared.running.subtract(1, ordering: .relaxed)
            }
        }
        while shared.running.load(ordering: .relaxed) > 0 { usleep(1_000) }
    }
}
