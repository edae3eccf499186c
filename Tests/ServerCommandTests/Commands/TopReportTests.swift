// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable internal import socketio_server

/// What `top` makes of a page of metrics, also of a strange one.
@Suite struct TopReportTests {
    @Test func ratesAreBetweenTwoReadings() {
        let before = MetricReading(
            "engineio_messages_sent_total{loop=\"0\"} 100\nengineio_messages_sent_total{loop=\"1\"} 100\n"
                + "engineio_sent_bytes_total 0\n")
        let now = MetricReading(
            "# HELP x y\nengineio_messages_sent_total{loop=\"0\"} 300\nengineio_messages_sent_total{loop=\"1\"} 101\n"
                + "engineio_sent_bytes_total 4096\nengineio_received_bytes_total 1\nprocess_cpu_seconds_total 1\n"
                + "socketio_adapter_state{state=\"down\"} 0\nsocketio_adapter_state{state=\"up\"} 1\n"
                + "socketio_adapter_info{adapter=\"redis\"} 1\nsocketio_cluster_peers 2\nsocketio_ready 1\n")
        let text = TopReport(now: now, before: before, seconds: 2).text(url: "http://h", unixTime: 0)
        #expect(
            text.contains("sent      100.5 messages/s, 2 KiB/s") || text.contains("sent      101 messages/s, 2 KiB/s"))
        #expect(text.contains("50 % CPU") && text.contains("redis, up, 2 other nodes"), "\(text)")
        // A counter that went back is that of a new process.
        let restarted = TopReport(now: before, before: now, seconds: 2).text(url: "u", unixTime: 0)
        #expect(restarted.contains("0 messages/s"))
        #expect(TopReport(now: now, before: nil, seconds: 0).text(url: "u", unixTime: 0).contains("401 messages"))
    }

    @Test func aStrangePageIsNoDanger() {
        let page = """
            socketio_build_info{node="\u{1b}[31ma\\"b",version="1"} 1
            engineio_sessions{transport="websocket"} NaN
            engineio_sessions{transport="polling"} 1e300
            process_open_fds{a="b +Inf
            engineio_queued_bytes -Inf
            process_resident_memory_bytes 1e308
            broken{
            broken{a=} 1
            nonsense
            """
        let reading = MetricReading(page)
        let text = TopReport(now: reading, before: reading, seconds: 1).text(url: "u", unixTime: 1e300)
        #expect(!text.contains("\u{1b}") && text.contains("\\u001b[31ma\"b at u"), "\(text)")
        #expect(
            TopReport(now: MetricReading(""), before: nil, seconds: 0).text(url: "u", unixTime: 0).hasPrefix("? at u"))
    }
}
