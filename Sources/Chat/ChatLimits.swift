// Part of socketio-server, MIT licence; see LICENSE.

/// How much people may say, and how much of it the chat keeps. Sizes are bytes of UTF-8.
public struct ChatLimits: Sendable, Hashable {
    /// Largest text of a message; default 8,000, which is 2,000 characters of any script and most emoji.
    public var maxTextBytes = 8_000
    /// Messages kept for each room; default 100,000.
    public var historyMessages = 100_000
    /// Bytes of the messages kept for each room, with 256 for each message beside its text; default 64 MiB.
    public var historyRoomBytes = 67_108_864
    /// Rooms there may be: communities, channels and conversations together; default 100,000. When there are as many, each new one
    /// takes the place of a room that was made more than an hour ago and in which nothing was ever said, and is refused if there is
    /// none. Rooms in which nothing was ever said are also removed ``nameHold`` after they were made.
    public var historyRooms = 100_000
    /// Bytes of the messages kept for all rooms; default 256 MiB. The room with the most bytes loses its oldest messages first, so
    /// that many messages in some rooms do not remove the few messages of others.
    public var historyBytes = 268_435_456
    /// Days that messages are kept; default 0, which is no limit of age.
    public var historyDays = 0
    /// People the chat knows; default 1,000,000. Those in no room are forgotten when they leave. Those who have said nothing, made
    /// no room and are in no conversation are forgotten when they have been away for ``nameHold``; when the chat is full, each new
    /// person takes the place of one of these who has been away for an hour, and is refused if there is none.
    public var maxPeople = 1_000_000
    /// Largest file; default 8 MiB.
    public var maxFileBytes = 8_388_608
    /// Largest size of all files, each counted with 4,096 additional bytes as soon as it is announced; default 256 MiB. The oldest
    /// are removed first.
    public var filesBytes = 268_435_456
    /// Messages a person may send, edit, delete and react to in a minute on one server; default 120, thirty of them at once. Uploads
    /// and new rooms count, too. Ten times as many questions are answered, of which searches and pages of history count several
    /// times.
    public var messagesPerMinute = 120
    /// How many times as much all people without a login at one address may write and ask for together as one person may; default 20, 0
    /// for no limit. A new person counts as a message, a new room as ten. IPv6 addresses count by their /64 network.
    public var addressFactor = 20
    /// Bytes of files that all people without a login at one address, or one person with a login, may upload in an hour on one server;
    /// default 64 MiB, which may also come at once.
    public var uploadBytesPerHour = 67_108_864
    /// Communities that one person may be in, and communities, channels and conversations that one person may begin; default 500.
    /// Others may add a person to groups until there are twice as many.
    public var maxPlaces = 500
    /// Channels of a community; default 200. A new one takes the place of one in which nothing was ever said, as for
    /// ``historyRooms``.
    public var maxChannels = 200
    /// How long a name belongs to a person who is away, and how long a person who never took part and a room in which nothing was
    /// ever said are remembered; default 7 days.
    public var nameHold: Duration = .seconds(7 * 86_400)
    /// How long a person who lost the connection counts as here; default 3 seconds.
    public var presenceGrace: Duration = .seconds(3)
    /// How long changes of who is here are collected before they are told; default 250 ms.
    public var presenceInterval: Duration = .milliseconds(250)

    /// How long somebody who never took part has to be away, in milliseconds, before a new person takes the place.
    static let newcomerMinimumAbsence: Int64 = 3_600_000
    /// How long ago a room in which nothing was ever said has to be made, in milliseconds, before a new room takes the place.
    static let unusedRoomMinimumAge: Int64 = 3_600_000

    var nameHoldMilliseconds: Int64 { Int64(nameHold / .milliseconds(1)) }

    /// The additional bytes that each file counts with.
    static let fileOverhead = 4_096

    /// All defaults.
    public init() {}
}
