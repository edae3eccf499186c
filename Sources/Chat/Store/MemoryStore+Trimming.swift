// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

extension MemoryStore.State {
    /// Stores a message, then removes old ones until the limits are met.
    func add(_ message: ChatMessage, to room: MemoryStore.Room) {
        clock += 1
        room.lastUse = clock
        room.add(message)
        room.bytes += message.size
        bytes += message.size
        if !room.isQueued { enqueue(room) }
        trim(room)
        trimAll()
    }

    /// Removes the oldest messages of a room until it is within its limits.
    func trim(_ room: MemoryStore.Room) {
        let limits = limits
        while room.count > limits.historyMessages || room.bytes > limits.historyRoomBytes { removeOldest(of: room) }
    }

    /// Removes messages until all rooms together are within the limit, starting with the room without a message for the
    /// longest time.
    func trimAll() {
        let limit = limits.historyBytes
        while bytes > limit, let oldest = dequeueOldest() {
            let room = oldest.room
            // A new message does not move its room in the queue. An outdated entry is put back here, with the current time.
            if oldest.time == room.lastUse {
                while bytes > limit, room.count > 0 { removeOldest(of: room) }
            }
            if room.count > 0 { enqueue(room) }
        }
    }

    func removeOldest(of room: MemoryStore.Room) {
        guard let oldest = room.removeFirst() else { return }
        bytes -= oldest.size
        room.bytes -= oldest.size
        room.ids[oldest.from + " " + oldest.id] = nil
    }

    /// Removes the oldest files until all are within the limit.
    func trimFiles(except kept: String?) {
        while fileBytes > limits.filesBytes, let id = filesByAge.first {
            // The file that is being sent is kept, and counts as the newest.
            if let kept, kept.hasSameBytes(as: id) {
                guard filesByAge.count > 1 else { return }
                filesByAge.append(filesByAge.removeFirst())
                continue
            }
            filesByAge.removeFirst()
            fileBytes -= ChatLimits.fileOverhead + (files.removeValue(forKey: id)?.bytes.count ?? 0)
        }
    }
}
