// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import SocketIOCore

/// The names and kinds of the events that have handlers, in the order of their registration. Sockets whose handlers were registered
/// in the same way share one such *shape*, as nearly all sockets of an application do.
///
/// A shared shape never changes. It refers to the shapes with one more handler, so that equal registrations on many sockets lead to
/// the same object. The number of shared shapes is bounded. A shape beyond this bound, and one from which handlers were removed,
/// belongs to a single socket and changes with it.
///
/// Confined to the event loop of its sockets, or to the lock of their owner.
final class SharedHandlerLayout {
    struct Entry: Equatable {
        /// The name, if it is short. Nearly all events are found by it.
        let shortName: ShortName?
        /// The hash of the name, by which long names are found.
        let hash: UInt32
        let isOnce: Bool
        let plan: ArgumentPlan
        let event: String

        init(_ event: String, isOnce: Bool, _ plan: ArgumentPlan) {
            self.shortName = ShortName(event)
            self.hash = SharedHandlerLayout.hash(event)
            self.isOnce = isOnce
            self.plan = plan
            self.event = event
        }

        func names(_ event: String, hash: UInt32) -> Bool { self.hash == hash && self.event.hasSameBytes(as: event) }

        func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
            let isEqual = event.utf8.withContiguousStorageIfAvailable { utf8 in
                UnsafeRawBufferPointer(utf8).hasSameBytes(as: name)
            }
            return isEqual ?? event.utf8.elementsEqual(name)
        }

        static func == (left: Entry, right: Entry) -> Bool {
            left.names(right.event, hash: right.hash) && left.isOnce == right.isOnce && left.plan == right.plan
        }
    }

    /// How many more shapes may be shared.
    private final class Budget {
        var left = SharedHandlerLayout.mostShared
    }

    /// Applications need a handful; an application that needs more makes the names of its events from input.
    private static let mostShared = 512
    private static let mostSuccessors = 8
    private static let longestShared = 64

    // A value that calls nothing back, read for every event: overlapping access is not checked for.
    @exclusivity(unchecked)
    private(set) var entries: [Entry]
    private var successors: [SharedHandlerLayout] = []
    /// Nil for a shape that belongs to a single socket.
    private let budget: Budget?

    /// The shape without handlers, from which all others are made.
    convenience init() { self.init([], Budget()) }

    private init(_ entries: [Entry], _ budget: Budget?) {
        self.entries = entries
        self.budget = budget
    }

    /// Returns the shape with one more handler: another object, or this one when it is not shared.
    func adding(_ entry: Entry) -> SharedHandlerLayout {
        guard let budget else {
            entries.append(entry)
            return self
        }
        if let known = successors.first(where: { $0.entries.last == entry }) { return known }
        let isShared =
            budget.left > 0 && successors.count < Self.mostSuccessors && entries.count < Self.longestShared
        let made = SharedHandlerLayout(entries + [entry], isShared ? budget : nil)
        if isShared {
            budget.left -= 1
            successors.append(made)
        }
        return made
    }

    /// Returns the shape with only these entries: another object, or this one when it is not shared.
    func keeping(_ indices: [Int]) -> SharedHandlerLayout {
        let kept = indices.map { entries[$0] }
        guard budget == nil else { return SharedHandlerLayout(kept, nil) }
        entries = kept
        return self
    }

    // MARK: Finding

    /// The place of the only handler of an event with this name; nil when there is none, more than one, or one of `once`.
    func uniquePlace(of name: ShortName) -> Int? {
        var place: Int?
        for index in entries.indices {
            guard let known = entries[index].shortName, known == name else { continue }
            guard place == nil, !entries[index].isOnce else { return nil }
            place = index
        }
        return place
    }

    /// The same by the bytes of an event; also nil when the bytes are not the plain name.
    func uniquePlace(of event: borrowing PacketPayload) -> Int? {
        var place: Int?
        event.withPlainName { name in
            let hash = Self.hash(name)
            for index in entries.indices where entries[index].hash == hash {
                guard place == nil, !entries[index].isOnce, entries[index].isNamed(name) else { return place = nil }
                place = index
            }
        }
        return place
    }

    // Parts of an entry, all of which would be copied first where its user is.
    func event(at place: Int) -> String { entries[place].event }
    func plan(at place: Int) -> ArgumentPlan { entries[place].plan }

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
