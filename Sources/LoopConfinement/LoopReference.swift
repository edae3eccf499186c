// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// Where something lives: an event loop, and the way there for everybody else.
public protocol LoopHome: Sendable {
    var eventLoop: any EventLoop { get }

    /// Runs `work` on the event loop: at once for a caller who is there, else later, in the order of the calls.
    func run(_ work: @escaping @Sendable () -> Void)
}

/// An event loop whose own queue is the way there.
public struct PlainHome: LoopHome {
    /// The event loop.
    public let eventLoop: any EventLoop

    package init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// At once for a caller on the event loop, else later, in the order of the calls.
    public func run(_ work: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { work() } else { eventLoop.execute(work) }
    }
}

/// An object that lives on one event loop. It must not be `Sendable`: then the compiler keeps it there, and a call of one of
/// its methods cannot be written elsewhere.
public protocol LoopResident: AnyObject, SendableMetatype {
    associatedtype Home: LoopHome

    /// Where it lives. Any thread may ask, so the answer is made of constants.
    var home: Home { get }
}

/// An object that lives on one event loop, held from anywhere: as ``LoopBound``, but a value. It costs no allocation, and its
/// object must exist.
///
/// This type and its protocols are `public`, although no product offers them: Swift 6.3 specialises nothing across modules that
/// belongs to a `package` type, `@inlinable` or not, and each use would go through witness tables.
///
/// What is inside is lent to closures that run on the event loop. It is given only to those who prove that they are there,
/// with what NIO gives nobody else (`NIOIsolatedEventLoop`), or with ``LoopReference/value(beside:)``.
///
/// The proof for `@unchecked Sendable`:
/// - What comes in either comes from its event loop, or nobody else has kept a reference (`sending`).
/// - Elsewhere only its `home` is read, which is made of constants.
/// - It is used where the event loop has been asked, or has called, just before; debug builds ask once more.
/// - The last reference may be given up on any thread: residents have no `deinit` that does more than to release what they
///   hold, atomic numbers included.
public struct LoopReference<Resident: LoopResident>: @unchecked Sendable {
    @usableFromInline
    let resident: Resident

    /// To be made on its event loop, mostly by itself.
    @inlinable
    package init(_ resident: Resident) {
        assert(resident.home.eventLoop.inEventLoop, "made elsewhere than where it lives")
        self.resident = resident
    }

    /// Takes something that nobody else has a reference to. Any thread.
    @inlinable
    package init(sending resident: sending Resident) {
        self.resident = resident
    }

    /// Where it lives.
    @inlinable
    package var home: Resident.Home { resident.home }

    /// Where it lives.
    @inlinable
    package var eventLoop: any EventLoop { resident.home.eventLoop }

    @inlinable
    var value: Resident {
        assert(resident.home.eventLoop.inEventLoop, "used elsewhere than where it lives")
        return resident
    }

    /// The object, for one who is on its event loop.
    @inlinable
    package func value(on eventLoop: NIOIsolatedEventLoop) -> Resident { value }

    /// The object, for another one that lives on the same event loop.
    @inlinable
    package func value(beside neighbour: some LoopResident) -> Resident {
        assert(neighbour.home.eventLoop === resident.home.eventLoop, "they live on different event loops")
        return value
    }

    /// Does something with it: at once on its event loop; from elsewhere there, in the order of the calls.
    @inlinable
    package func run(_ body: @escaping @Sendable (Resident) -> Void) {
        if eventLoop.inEventLoop { body(value) } else { home.run { body(self.value) } }
    }

    /// Does something with it on its event loop, later even if this is that.
    @inlinable
    package func execute(_ body: @escaping @Sendable (Resident) -> Void) {
        eventLoop.execute { body(self.value) }
    }

    /// Does something with it if this is its event loop, else nothing, and returns nil.
    @inlinable
    package func runIfHere<Result: Sendable>(_ body: (Resident) throws -> Result) rethrows -> Result? {
        guard eventLoop.inEventLoop else { return nil }
        return try body(value)
    }

    /// Does something with it on its event loop and waits for the result.
    package func get<Result: Sendable>(_ body: @escaping @Sendable (Resident) -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            run { continuation.resume(returning: body($0)) }
        }
    }
}

extension LoopBound {
    /// Binds something that is made of what lives on the same event loop already, there and at its first use. Any thread.
    package convenience init<Base>(with base: LoopReference<Base>, make: @escaping @Sendable (Base) -> Value) {
        self.init(on: base.eventLoop) { make(base.value) }
    }

    /// The value, for something that lives on the same event loop.
    @inlinable
    package func value(beside neighbour: some LoopResident) -> Value {
        assert(neighbour.home.eventLoop === eventLoop, "they live on different event loops")
        return value
    }
}
