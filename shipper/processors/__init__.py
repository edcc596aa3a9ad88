"""What is done to foreign lines on their way, in Filebeat's words; own segments never come here."""
