// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPTypes
public import Hummingbird
internal import SocketIOHummingbird

/// The pages of the chat, held in memory.
public struct ChatPages: Sendable {
    private struct Page {
        let path: String
        let contentType: String
        let bytes: [UInt8]
    }

    /// The page needs nothing but its own files and its own server; the policy says so to the browser.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static let script = "text/javascript; charset=utf-8"

    /// `chat.js` loads the others.
    private static let scripts: [(name: String, bytes: [UInt8])] = [
        ("chat.js", PackageResources.chat_js), ("chat-compose.js", PackageResources.chat_compose_js),
        ("chat-files.js", PackageResources.chat_files_js), ("chat-menu.js", PackageResources.chat_menu_js),
        ("chat-net.js", PackageResources.chat_net_js), ("chat-page.js", PackageResources.chat_page_js),
        ("chat-people.js", PackageResources.chat_people_js), ("chat-reading.js", PackageResources.chat_reading_js),
        ("chat-rooms.js", PackageResources.chat_rooms_js), ("chat-search.js", PackageResources.chat_search_js),
        ("chat-session.js", PackageResources.chat_session_js), ("chat-spaces.js", PackageResources.chat_spaces_js),
        ("chat-text.js", PackageResources.chat_text_js), ("chat-view.js", PackageResources.chat_view_js),
    ]

    private let requiresLogin: Bool

    /// The shipped pages.
    ///
    /// - Parameter requiresLogin: whether people come with a token from a login elsewhere; then none is asked for a name.
    public init(requiresLogin: Bool = false) { self.requiresLogin = requiresLogin }

    /// Adds `/`, `/index.html`, `/chat.css`, the scripts, `/chat.json` and `/icon.svg` to `router`.
    public func addRoutes(to router: some RouterMethods<some RequestContext>) {
        var pages = [
            Page(path: "/", contentType: "text/html; charset=utf-8", bytes: PackageResources.index_html),
            Page(path: "/index.html", contentType: "text/html; charset=utf-8", bytes: PackageResources.index_html),
            Page(path: "/chat.css", contentType: "text/css; charset=utf-8", bytes: PackageResources.chat_css),
            Page(
                path: "/chat.json", contentType: "application/json",
                bytes: Array("{\"requiresLogin\":\(requiresLogin)}".utf8)),
            Page(path: "/icon.svg", contentType: "image/svg+xml", bytes: PackageResources.icon_svg),
        ]
        pages += Self.scripts.map { Page(path: "/" + $0.name, contentType: Self.script, bytes: $0.bytes) }
        for page in pages {
            let file = MemoryFile(
                page.bytes, contentType: page.contentType,
                headers: [
                    .contentSecurityPolicy: Self.policy,
                    .xContentTypeOptions: "nosniff",
                    .init("Referrer-Policy") ?? .referer: "no-referrer",
                ])
            router.on(RouterPath(page.path), method: .get) { request, _ in file.response(to: request) }
        }
    }
}
