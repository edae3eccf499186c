// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Logging
internal import NIOConcurrencyHelpers
public import SocketIOServer

/// The chat: people, communities with channels, conversations, with everything that was said.
///
/// A person is an id, on as many devices as they like; names are only shown. `/` is where a person is with all of that:
/// their communities and conversations. Each community is a namespace of its own, `/socket/commu-ID`, to which pages connect
/// over the same connection, with a token each; its channels are rooms. Conversations have no room that could be joined:
/// what is said there goes to the devices of its people.
///
/// What was said is acknowledged when it is stored, and has a number, so that everyone has it in the same order and knows
/// what is missing. See `docs/chat.md` for the events.
public struct Chat: Sendable {
    let io: Server
    let shared: Shared
    let presence: Presence
    let rates = ChatRates()
    let searches = SearchQueue()
    let plainRooms = PlainRoomList()
    let refusals = ChatRefusalCounters()
    /// The namespaces of communities; to add middlewares before ``mount()``, such as one that verifies tokens.
    public let communities: ParentNamespace
    private let identify: @Sendable (Socket) -> ChatLogin?
    let onReport: @Sendable (ChatReport) async -> Void

    /// What changes while the chat runs.
    final class Shared: Sendable {
        let store: NIOLockedValueBox<any HistoryStore>
        /// What signs the tokens, once the store has given it.
        let token = NIOLockedValueBox<PersonToken?>(nil)
        /// The secret, to be put back into a store that has lost everything.
        let secret = NIOLockedValueBox<String?>(nil)

        init(_ store: any HistoryStore) { self.store = NIOLockedValueBox(store) }
    }

    /// The store.
    var store: any HistoryStore { shared.store.withLockedValue { $0 } }

    /// A chat on the namespace `/` of `io` and on those of communities.
    ///
    /// - Parameters:
    ///   - store: keeps people, rooms and messages; several servers need one that they share.
    ///   - identify: who has logged in; nil for people who only choose a name.
    ///   - onReport: what to do when a person reports a message.
    public init(
        io: Server, store: any HistoryStore = MemoryStore(),
        identify: @escaping @Sendable (Socket) -> ChatLogin? = { _ in nil },
        onReport: @escaping @Sendable (ChatReport) async -> Void = { _ in }
    ) {
        self.io = io
        let shared = Shared(store)
        self.shared = shared
        self.identify = identify
        self.onReport = onReport
        communities = io.of { name, _ in
            guard let id = CommunityName.id(of: name) else { return false }
            let store = shared.store.withLockedValue { $0 }
            if id.hasSameBytes(as: CommunityName.lobby) { return true }
            // While the store is away nothing is known; the middleware says so.
            do { return try await store.room(RoomKey.community(id).text) != nil } catch { return true }
        }
        let parent = communities
        presence = Presence { node, own, seen in
            await Self.tell(io, parent, node, own: own, seen: seen)
        }
    }

    /// How much may be said and how much of it is kept. May be changed at any time.
    public var limits: ChatLimits {
        get { shared.store.withLockedValue { $0.limits } }
        nonmutating set { shared.store.withLockedValue { $0.limits = newValue } }
    }

    /// Registers the chat's middlewares and handlers. Call once, before clients connect.
    public func mount() {
        listenToServers()
        io.use(counting { socket in try await admit(socket) })
        io.onConnection { socket in welcome(socket) }
        communities.use(counting { socket in try await admitToCommunity(socket) })
        communities.onConnection { socket in welcomeToCommunity(socket) }
    }

    /// Removes what is over the limits once a minute, and every ten minutes notes in the store that the connected people are
    /// still here and asks the other servers who is there, until the task is cancelled. Without it, a name can be taken from a person who stays connected for longer
    /// than ``ChatLimits/nameHold``.
    public func maintain() async {
        for minute in 1... {
            do { try await Task.sleep(for: .seconds(60)) } catch { return }
            if minute.isMultiple(of: 10) {
                await recordConnectedPeople()
                await refresh()
            }
            try? await store.trim(now: Self.now)
        }
    }

    /// Tells the store that the people who are connected to this server are here.
    func recordConnectedPeople() async {
        let people = presence.connectedPeople
        for start in stride(from: 0, to: people.count, by: 500) {
            try? await store.seen(Array(people[start..<min(people.count, start + 500)]), at: Self.now)
        }
    }

    /// Writes what waits; the chat cannot be used afterwards.
    public func close() async { await store.close() }

    /// Milliseconds since 1970.
    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    // MARK: Rates

    /// Takes one from what a person may write.
    func limitWriting(_ visitor: Visitor) throws {
        if let wait = rates.write(visitor, limits) { throw Self.slowDown(wait) }
    }

    /// Takes one from what a person may write for a new room, which stays, and therefore counts ten times for the address.
    func limitRooms(_ visitor: Visitor) throws {
        if let wait = rates.write(visitor, addressCost: 10, limits) { throw Self.slowDown(wait) }
    }

    /// Takes the cost of a question from what a person may ask: 1 for what a look into the store answers, more for pages, lists
    /// and what others hear.
    func limitReading(_ visitor: Visitor, cost: Double = 1) throws {
        if let wait = rates.ask(visitor, cost: cost, limits) { throw Self.slowDown(wait) }
    }

    static func slowDown(_ wait: Duration) -> EventError {
        .refusal(
            .slowDown, "You are faster than others can read; wait a moment.",
            ["retryAfterMs": .int(max(1, Int64(wait / .milliseconds(1))))])
    }

    // MARK: Who comes

    /// What signs the tokens. Makes the lobby when it is not there.
    func tokens() async throws -> PersonToken {
        if let token = shared.token.withLockedValue({ $0 }) { return token }
        let secret = try await store.secret(ChatID.random() + ChatID.random())
        try await makeLobby()
        let token = PersonToken(secret: secret)
        shared.secret.withLockedValue { $0 = secret }
        shared.token.withLockedValue { $0 = token }
        return token
    }

    /// The person of a login, or of the token, or the code of another device; nil for somebody new.
    func personID(of socket: Socket, login: ChatLogin?) async throws -> String? {
        let tokens = try await tokens()
        if let subject = login?.subject, !subject.isEmpty { return ChatID.of("login:\(subject)") }
        let auth = socket.handshake.auth
        if let person = auth["person"]?.string.flatMap({ tokens.person(of: $0) }) { return person }
        if let person = auth["device"]?.string.flatMap({ tokens.person(ofCode: $0, now: Self.now) }) { return person }
        // Programs that cannot keep a token name a secret of their own.
        guard let tab = auth["tab"]?.string, (1...128).contains(tab.utf8.count) else { return nil }
        return ChatID.of("tab:\(tokens.token(for: ChatID.of(tab)))")
    }

    /// Finds out who comes to `/`, and under which name.
    private func admit(_ socket: Socket) async throws {
        let login = identify(socket)
        let id = try await personID(of: socket, login: login)
        let stored = if let id { try await store.person(id) } else { nil as ChatPerson? }
        let wanted = login?.name ?? socket.handshake.auth["name"]?.string ?? stored?.name
        guard let name = ChatName(wanted) else {
            throw ConnectError.refusal(
                .badName, "Choose a name of 1 to 32 visible characters of one script.")
        }
        if stored == nil, login == nil, rates.arrive(from: socket.handshake.limitedAddress, limits) != nil {
            throw ConnectError.refusal(.slowDown, "Too many people come from this address; try again in a minute.")
        }
        let person = ChatPerson(id: id ?? ChatID.random(), name: name.text, seen: Self.now)
        // A person who has logged in has the name that the login gives.
        let skeleton = login?.name == nil ? name.skeleton : ""
        guard
            try await store.claim(person, skeleton: skeleton, heldSince: Self.now - limits.nameHoldMilliseconds)
        else {
            throw ConnectError.refusal(
                .nameTaken, "The name \(name.text) is taken, or looks like one that is.")
        }
        try await setPerson(person, on: socket)
    }

    /// Keeps with the socket who it is, and brings it into the rooms where it hears what is meant for the person.
    ///
    /// - Throws: `ConnectError` when a room is refused because of the limits of the server: the device would hear nothing.
    func setPerson(_ person: ChatPerson, on socket: Socket, rooms: [String] = []) async throws {
        socket.set(VisitorIdentity(person: person, rooms: rooms))
        // A lost session is continued by the same person only, and its rates are those of the person. A login has set it before.
        if socket.rateIdentity == nil { socket.rateIdentity = person.id }
        socket.withData { data in
            // What else is there stays, such as the claims of a token.
            var members = data.object ?? SocketObject()
            members["person"] = .string(person.id)
            members["name"] = .string(person.name)
            data = .object(members)
        }
        let rooms = [Visitor.room(of: person.id)] + rooms
        let hasJoined = try await socket.eventLoop.submit {
            socket.join(rooms)
            return rooms.allSatisfy { socket.rooms.contains($0) }
        }.get()
        guard hasJoined else { throw ConnectError.refusal(.full, "This server has no room left; try again later.") }
    }

    /// The person on a connected socket.
    func visitor(_ socket: Socket, _ person: ChatPerson, in space: String) -> Visitor {
        let address = login(of: socket) == nil ? socket.handshake.limitedAddress : nil
        return Visitor(socket: socket, person: person, space: space, address: address)
    }

    /// Who has logged in.
    func login(of socket: Socket) -> ChatLogin? { identify(socket) }
}
