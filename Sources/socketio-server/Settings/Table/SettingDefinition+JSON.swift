// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

extension SettingDefinition {
    /// A value of it as JSON, with what is secret masked.
    func json(_ value: SettingValue) -> SocketValue {
        switch value {
        case .unset: .null
        case .number(let number): .int(Int64(number))
        case .flag(let flag): .bool(flag)
        case .text(let text): .string(isSecret ? "***" : mask(text))
        case .list(let items): isSecret && !items.isEmpty ? "***" : .array(items.map(SocketValue.string))
        }
    }
}
