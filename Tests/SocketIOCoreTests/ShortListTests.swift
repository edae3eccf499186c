// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOCore
import Testing

@Suite struct ShortListTests {
    /// Does the same to a list and an array, and compares them after each step.
    @Test func behavesLikeAnArray() {
        var random = SystemRandomNumberGenerator()
        var list = ShortList<String>()
        var array: [String] = []
        for step in 0..<5000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                list.append("\(step)")
                array.append("\(step)")
            case 2 where !array.isEmpty, 3 where !array.isEmpty:
                list.removeLast()
                array.removeLast()
            default:
                guard let index = array.indices.randomElement(using: &random) else { continue }
                list[index] = "changed \(step)"
                array[index] = "changed \(step)"
            }
            #expect(list.array == array)
            #expect(list.count == array.count)
            #expect(list.isEmpty == array.isEmpty)
            #expect(list.indices.map { list[$0] } == array)
            var visited: [String] = []
            list.forEach { visited.append($0) }
            #expect(visited == array)
            let wanted = array.randomElement(using: &random) ?? "none"
            #expect(list.firstIndex { $0 == wanted } == array.firstIndex { $0 == wanted })
        }
    }

    @Test func aCopyIsIndependent() {
        var first = ShortList<Int>()
        for number in 0..<3 { first.append(number) }
        var second = first
        second[1] = 7
        second.append(9)
        first.removeLast()
        #expect(first.array == [0, 1])
        #expect(second.array == [0, 7, 2, 9])
    }

    @Test func oneElementFitsIntoTheList() {
        #expect(MemoryLayout<ShortList<UInt64>>.size == 9)
    }
}
