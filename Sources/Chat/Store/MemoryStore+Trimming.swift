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

    func trimFiles(except kept: String?) {
        while fileBytes > limits.filesBytes,
            let oldest = files.filter({ file in kept.map { !$0.hasSameBytes(as: file.key) } ?? true })
                .min(by: { $0.value.created < $1.value.created })
        {
            fileBytes -= oldest.value.bytes.count
            files[oldest.key] = nil
        }
    }
}
