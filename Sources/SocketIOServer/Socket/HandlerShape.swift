// Part of socketio-server, MIT licence; see LICENSE.

/// Which events have handlers, in the order of their registration: all that sockets have in common that were given
/// handlers in the same way, as nearly all sockets of an application are.
///
/// A shape that is shared never changes. It knows the shapes that come of one handler more, so equal registrations on
/// many sockets lead to the same object. How many are known is bounded; what goes beyond, and what comes of taking
/// handlers away, belongs to one socket alone and changes with it.
///
/// Confined to the event loop of its sockets, or to the lock of their owner: hence `@unchecked Sendable`.
final class HandlerShape: @unchecked Sendable {
    struct Entry: Equatable {
        /// Of the name, which it is searched by.
        let hash: UInt32
        let isOnce: Bool
        let plan: ArgumentPlan
        let event: String

        init(_ event: String, isOnce: Bool, _ plan: ArgumentPlan) {
            self.hash = HandlerShape.hash(event)
            self.isOnce = isOnce
            self.plan = plan
            self.event = event
        }

        func names(_ event: String, hash: UInt32) -> Bool { self.hash == hash && self.event == event }

        func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
            let isEqual = event.utf8.withContiguousStorageIfAvailable { utf8 in
                guard utf8.count == name.count else { return false }
                for index in 0..<name.count where utf8[index] != name[index] { return false }
                return true
            }
            return isEqual ?? event.utf8.elementsEqual(name)
        }
    }

    /// How many more shapes may be shared.
    private final class Budget {
        var left = HandlerShape.mostShared
    }

    /// Applications have a handful; more are made of names that come from outside.
    private static let mostShared = 512
    private static let mostSuccessors = 8
    private static let longestShared = 64

    // A value that calls nothing back, read for every event: overlapping access is not checked for.
    @exclusivity(unchecked)
    private(set) var entries: [Entry]
    private var successors: [HandlerShape] = []
    /// Nil for a shape of one socket.
    private let budget: Budget?

    /// The shape of no handlers, which all others grow from.
    convenience init() { self.init([], Budget()) }

    private init(_ entries: [Entry], _ budget: Budget?) {
        self.entries = entries
        self.budget = budget
    }

    /// The shape with one more handler; this one, when it is not shared.
    func adding(_ entry: Entry) -> HandlerShape {
        guard let budget else {
            entries.append(entry)
            return self
        }
        if let known = successors.first(where: { $0.entries.last == entry }) { return known }
        let isShared =
            budget.left > 0 && successors.count < Self.mostSuccessors && entries.count < Self.longestShared
        let made = HandlerShape(entries + [entry], isShared ? budget : nil)
        if isShared {
            budget.left -= 1
            successors.append(made)
        }
        return made
    }

    /// The shape with these of its entries only; this one, when it is not shared.
    func keeping(_ indices: [Int]) -> HandlerShape {
        let kept = indices.map { entries[$0] }
        guard budget == nil else { return HandlerShape(kept, nil) }
        entries = kept
        return self
    }

    /// FNV-1a. Only what the application registered is compared with it, so a client gains nothing by collisions.
    static func hash(_ name: UnsafeRawBufferPointer) -> UInt32 {
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return hash
    }

    static func hash(_ event: String) -> UInt32 {
        var event = event
        return event.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }
}
