// Part of socketio-server, MIT licence; see LICENSE.

/// The options of Node's `socket.io`, for people who write them into our settings.
///
/// A name of this table that is no setting is answered with the setting that does the same, or with the reason why there is
/// none. `docs/coming-from-node.md` has the same table; a test compares the two.
enum NodeOptions {
    /// One option of Node's server.
    struct Option: Sendable {
        /// As Node spells it, with dots for members: `cookie.maxAge`.
        let name: String
        /// The key of the setting that does the same; nil when there is none.
        let key: String?
        /// What else there is to know: the unit, or why there is no such setting. May be empty when there is a key.
        let note: String
    }

    static let all: [Option] =
        renamed.map { Option(name: $0, key: $1, note: $2) } + missing.map { Option(name: $0, key: nil, note: $1) }

    /// Options that have another name here. Those with the same name and meaning are not listed.
    private static let renamed: [(String, String, String)] = [
        ("pingInterval", "pingIntervalMs", "in milliseconds as well"),
        ("pingTimeout", "pingTimeoutMs", "in milliseconds as well"),
        ("upgradeTimeout", "upgradeTimeoutMs", "in milliseconds as well"),
        ("connectTimeout", "connectTimeoutMs", "in milliseconds as well"),
        ("destroyUpgradeTimeout", "destroyUpgradeTimeoutMs", "in milliseconds as well"),
        ("serveClient", "client.enabled", "and 'client.directory' names the folder of the files"),
        ("cors", "cors.origin", "a list of origins; '*' alone allows all"),
        ("cors.maxAge", "cors.maxAgeSeconds", "in seconds as well"),
        ("origins", "cors.origin", "a list of origins; '*' alone allows all"),
        ("cookie", "cookie.mode", "'sid' for the cookie that Node.js sets"),
        ("cookie.maxAge", "cookie.maxAgeSeconds", "in seconds as well"),
        ("cookie.expires", "cookie.maxAgeSeconds", "a lifetime instead of a date"),
        ("httpCompression", "httpCompression.enabled", ""),
        ("perMessageDeflate", "perMessageDeflate.enabled", ""),
        ("connectionStateRecovery", "recovery.enabled", "and the other settings 'recovery.*' say how"),
        ("requestsTimeout", "redis.requestsTimeoutMs", "in milliseconds as well"),
        ("publishOnSpecificResponseChannel", "redis.publishOnSpecificResponseChannel", ""),
        ("streamName", "redis.streamName", ""),
        ("streamCount", "redis.streamCount", ""),
        ("maxLen", "redis.streamMaxLength", ""),
        ("readCount", "redis.streamPageSize", ""),
        ("onlyPlaintext", "redis.streamPlaintext", ""),
        ("key", "tls.keyFile", "the name of a file"),
        ("cert", "tls.certificateFile", "the name of a file"),
        ("passphrase", "tls.keyPassword", ""),
    ]

    /// Options that have no setting.
    private static let missing: [(String, String)] = [
        ("wsEngine", "the server has its own WebSocket implementation"),
        ("jsonp", "JSONP polling comes with 'allowEIO3'"),
        (
            "allowRequest",
            "it is a function: set 'configuration.engine.allowRequest' in a program that uses the library"
        ),
        ("generateId", "it is a function: set 'configuration.engine.generateId' in a program that uses the library"),
        ("initialPacket", "set 'configuration.engine.initialPacket' in a program that uses the library"),
        ("cors.preflightContinue", "set it in the 'CORSConfiguration' of a program that uses the library"),
        ("cors.optionsSuccessStatus", "set it in the 'CORSConfiguration' of a program that uses the library"),
        ("perMessageDeflate.serverNoContextTakeover", "it is always so: no side keeps its window between messages"),
        ("perMessageDeflate.clientNoContextTakeover", "it is always so: no side keeps its window between messages"),
        ("perMessageDeflate.zlibDeflateOptions", "use 'perMessageDeflate.level'"),
    ]

    private static let byName: [String: Option] = Dictionary(
        all.map { (folded($0.name), $0) }, uniquingKeysWith: { first, _ in first })

    /// The sentence that answers a key, variable or flag of this name; nil when Node has no such option.
    ///
    /// - Parameters:
    ///   - name: `serveClient`, `SERVE_CLIENT` or `serve-client`, without prefix.
    ///   - naming: what people would write here instead of it: a key, a variable or a flag; nil when there is no such way.
    static func answer(for name: String, naming: (SettingDefinition) -> String?) -> String? {
        guard name.utf8.count <= 100, let option = byName[folded(name)] else { return nil }
        guard let key = option.key else { return "this option of Node.js does not exist here: \(option.note)" }
        let ours = SettingTable.byKey[key].flatMap(naming) ?? key
        return "this option of Node.js is called '\(ours)' here" + (option.note.isEmpty ? "" : ", \(option.note)")
    }

    /// What to write instead of a value where the settings have a section, such as `cors: "*"`; nil for other sections.
    static func section(_ key: String, value: String) -> String? {
        let isOff = ["false", "off", "no"].contains(value.lowercased())
        let isOn = ["true", "on", "yes"].contains(value.lowercased())
        switch key {
        case "cors":
            if isOff { return "origin: []" }
            return "origin: [\(SettingValue.text(isOn ? "*" : value).yaml)]"
        case "cookie":
            if isOff { return "mode: \"off\"" }
            return isOn ? "mode: sid" : "mode: sid, name: \(SettingValue.text(value).yaml)"
        case "httpCompression", "perMessageDeflate":
            return "enabled: \(!isOff)"
        case "client":
            return isOff || isOn ? "enabled: \(!isOff)" : "directory: \(SettingValue.text(value).yaml)"
        default: return nil
        }
    }

    /// The same for `serveClient`, `SERVE_CLIENT` and `serve-client`.
    private static func folded(_ name: String) -> String {
        name.lowercased().filter { $0 != "-" && $0 != "_" && $0 != "." }
    }
}
