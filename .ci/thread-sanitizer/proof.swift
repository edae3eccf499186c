// Part of socketio-server, MIT licence; see LICENSE.
//
// What the thread sanitizer says about continuations. `proof ordered` has no race: a thread makes an object, and resumes a
// continuation with it. `proof racing` has one: the thread changes the object after that.

import Foundation

final class Box: @unchecked Sendable {
    var number = 0
    var numbers: [Int] = []
}

@main
struct Proof {
    static func main() async {
        let isRacing = CommandLine.arguments.contains("racing")
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
}
