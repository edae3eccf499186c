// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

extension MemoryStore.State {
    /// Stores a message, then removes old ones until the limits are met.
    func add(_ message: ChatMessage, to room: MemoryStore.Room) {
        room.add(message)
        count(message.size, in: room)
        trim(room)
        trimAll(keepingNewestOf: room)
    }

    /// Counts bytes that a room has more, or less, than before.
    func count(_ bytes: Int, in room: MemoryStore.Room) {
        room.bytes += bytes
        self.bytes += bytes
        let size = Int.bitWidth - room.bytes.leadingZeroBitCount
        guard room.place?.size ?? 0 != size else { return }
        if let place = room.place {
            // The last room takes the free place.
            let last = roomsBySize[place.size].removeLast()
            if last !== room {
                roomsBySize[place.size][place.index] = last
                last.place = place
            }
        }
        guard size > 0 else {
            room.place = nil
            return
        }
        room.place = (size, roomsBySize[size].count)
        roomsBySize[size].append(room)
    }

    /// Removes the oldest messages of a room until it is within its limits.
    func trim(_ room: MemoryStore.Room) {
        let limits = limits
        while room.count > limits.historyMessages || room.bytes > limits.historyRoomBytes { removeOldest(of: room) }
    }

    /// Removes messages until all rooms together are within the limit, each from one of the greatest rooms. The last
    /// message of `room` goes only when there is no other.
    func trimAll(keepingNewestOf room: MemoryStore.Room? = nil) {
        let limit = limits.historyBytes
        while bytes > limit, let next = greatestRoom(besides: room?.count == 1 ? room : nil) ?? room {
            removeOldest(of: next)
        }
    }

    /// One of the rooms with the most bytes, another one each time.
    private func greatestRoom(besides kept: MemoryStore.Room?) -> MemoryStore.Room? {
        turn &+= 1
        for size in roomsBySize.indices.reversed() where !roomsBySize[size].isEmpty {
            let count = roomsBySize[size].count
            let room = roomsBySize[size][Int(turn % UInt(count))]
            if room !== kept { return room }
            if count > 1 { return roomsBySize[size][Int((turn &+ 1) % UInt(count))] }
        }
        return nil
    }

    func removeOldest(of room: MemoryStore.Room) {
        guard let oldest = room.removeFirst() else { return }
        count(-oldest.size, in: room)
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
