"""What a server's admins decide with `/config`."""
