"""An IP camera: GStreamer's RTSP server, which plays a film to whoever has the password.

    /usr/bin/python3 rtsp_camera.py ADDRESS PORT FILM.mp4 USER PASSWORD
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

address, port, film, user, password = sys.argv[1:]
Gst.init(None)

pay = "rtph265pay" if film.endswith("h265.mp4") else "rtph264pay"
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( filesrc location={film} ! qtdemux ! {pay} name=pay0 pt=96 )")

token = GstRtspServer.RTSPToken()
token.set_string("media.factory.role", "viewer")
auth = GstRtspServer.RTSPAuth()
auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
auth.add_digest(user, password, token)
permissions = GstRtspServer.RTSPPermissions()
permissions.add_role("viewer")
for right in ["media.factory.access", "media.factory.construct"]:
    permissions.add_permission_for_role("viewer", right, True)
factory.set_permissions(permissions)

server = GstRtspServer.RTSPServer()
server.set_address(address)
server.set_service(port)
server.set_auth(auth)
server.get_mount_points().add_factory("/gate", factory)
if server.attach(None) == 0:
    sys.exit(f"{address}:{port} cannot be had")
print("ready", flush=True)
GLib.MainLoop().run()
