// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

extension MemoryStore.State {
    /// Removes the oldest messages of a room until it is within its limits.
    func trim(_ room: MemoryStore.Room) {
        let limits = limits
        while room.count > limits.historyMessages || room.bytes > limits.historyRoomBytes { removeOldest(of: room) }
    }

    /// Removes messages until all rooms together are within the limit, starting with the room without a message for the
    /// longest time.
    func trimAll() {
        let limit = limits.historyBytes
        while bytes > limit, let room = rooms.values.filter({ $0.count > 0 }).min(by: { $0.use < $1.use }) {
            while bytes > limit, room.count > 0 { removeOldest(of: room) }
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
            // The one that grows stays; it becomes the youngest.
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
