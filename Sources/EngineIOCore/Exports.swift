// Part of socketio-server, MIT licence; see LICENSE.

// Names and texts as bytes: every layer above works with them, and some stand in the public API.
@_exported public import ByteText
