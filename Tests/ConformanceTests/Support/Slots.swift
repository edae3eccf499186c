// Part of socketio-server, MIT licence; see LICENSE.

/// Lets so many tests run a server at the same time and makes the others wait: deadlines of a few hundred milliseconds
/// mean nothing on a machine that does a hundred things at once.
actor Slots {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) {
        free = count
    }

    func take() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
