// A file that registers nothing proves nothing.
import 'uvu';
