// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import SocketIOServer

extension SocketValue {
    /// JSON for files: on lines of their own, with sorted keys, without a line end.
    var prettyJSON: String {
        let compact = (try? RawJSON(encoding: self).json) ?? "{}"
        guard let object = try? JSONSerialization.jsonObject(with: Data(compact.utf8)),
            let pretty = try? JSONSerialization.data(
                withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        else { return compact }
        return String(decoding: pretty, as: UTF8.self)
    }
}
