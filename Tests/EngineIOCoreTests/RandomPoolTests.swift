// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import EngineIOCore

@Suite("Random bytes in store")
struct RandomPoolTests {
    @Test func nothingIsGivenOutTwice() async {
        let pool = RandomPool()
        let drawn = await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<500).flatMap { _ in
                        let (first, second) = pool.draw()
                        return [first, second]
                    }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(drawn.count == 4000)
        #expect(Set(drawn).count == drawn.count)
        #expect(!drawn.contains(0))
    }
}
