// Part of socketio-server, MIT licence; see LICENSE.
