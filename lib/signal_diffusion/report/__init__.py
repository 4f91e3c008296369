"""What people read: figures and cards."""
