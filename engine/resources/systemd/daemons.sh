# By which words a script for init that starts a daemon is told from others.
daemon_words='start-stop-daemon|start_daemon|daemonize|nohup|setsid|pidfile|killproc|daemon=.?/'
